export function bundlePage(root: string, directory: string): Promise<void>
