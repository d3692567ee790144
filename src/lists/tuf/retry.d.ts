/** What tuf-js names in its types without a package that has it. */
declare module 'retry' {
  export type TimeoutsOptions = Readonly<Record<string, unknown>>
}
