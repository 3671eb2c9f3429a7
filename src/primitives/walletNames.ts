/**
 * The name that rules and settings know a wallet by: what a rotation keeps of it (main-until-20260131) is bound by what
 * is said of the wallet that it was.
 */
export const baseName = (name: string): string => name.replace(/-until-\d{8}$/, '')
