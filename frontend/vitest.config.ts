import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    // A test that logs an error by accident has found one.
    onConsoleLog: (_log, type) => (type === "stderr" ? undefined : false),
  },
});
