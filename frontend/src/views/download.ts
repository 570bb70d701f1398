/** Files that the reader keeps. */

/** A name fit for any file system, letters of all scripts kept. */
export function fileName(name: string, extension: string): string {
  return `${name.replace(/[^\p{L}\p{N}._-]+/gu, "_")}.${extension}`;
}

export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has begun to read it once the click has been handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
