/** Address of a module worker that the build bundles from the named `.worker.ts` file. */
declare module "*?worker" {
  const url: string;
  export default url;
}

/** A style sheet as text. */
declare module "*.css" {
  const text: string;
  export default text;
}
