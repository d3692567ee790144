export const hasMultitool: boolean
export function multitoolDirectory(): string
export function fetchMultitool(): void
