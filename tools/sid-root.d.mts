export function testCache(): string
export function sidRoot(): string
export function makeSidRoot(): string | undefined
