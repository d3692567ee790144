/** Where setup writes secrets of nix.conf, relative to the policy's directory. */
export const SECRETS = 'secrets/from-nix-conf'
