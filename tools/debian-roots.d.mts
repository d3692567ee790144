export function testCache(): string
export function debianRoot(suite: 'trixie' | 'sid'): string
export function makeDebianRoots(): Promise<string | undefined>
