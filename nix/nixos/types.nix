# Types of a policy's fields. Names and meanings are those of docs/policy.md; what a type cannot
# express, such as that a group can be filled, `nixsig policy check` checks when the system is
# built.
{ lib }:

let
  inherit (lib) mkOption types;

  # A field that is left out of policy.toml unless it is set.
  optional =
    type: example: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit example description;
    };

  required =
    type: example: description:
    mkOption { inherit type example description; };

  name = types.strMatching "[^[:cntrl:]]{1,128}" // {
    description = "name of a principal or group";
  };

  names = types.either name (types.nonEmptyListOf name);

  date =
    types.strMatching "[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([Zz]|[+-][0-9]{2}:[0-9]{2}))?"
    // {
      description = "date such as \"2026-12-31\", or a time with its offset such as \"2026-12-31T18:00:00+01:00\"";
    };

  # A Nix path is copied to the store, where nobody can change it.
  file = types.either types.path types.nonEmptyStr // {
    description = "path, or its name beside policy.toml";
  };

  url = types.strMatching "(https?|file)://[^[:space:]]+" // {
    description = "address that begins with https://, http:// or file://";
  };

  # A binary cache or a store, as policy.toml names it.
  storeUrl =
    types.strMatching "((https?|file|s3|ssh|ssh-ng)://|local[?]|/)[^[:space:]]+"
    // {
      description = "address that begins with https://, http:// or file://, or a store that Nix reaches: s3://…, ssh://…, ssh-ng://…, local?root=… or a path";
    };

  kind = types.enum [
    "fetched-source"
    "local-source"
    "derivation"
    "output"
  ];

  listRole = types.enum [
    "developer"
    "packager"
    "reviewer"
    "builder"
    "committer"
    "approver"
  ];

  certifiedRole = types.enum [
    "developer"
    "packager"
    "reviewer"
    "builder"
  ];

  sigstore = types.submodule {
    options = {
      subject = required types.nonEmptyStr "alice@example.org" "What the identity provider calls them, exactly.";
      issuer =
        required types.nonEmptyStr "https://accounts.example.org"
          "The identity provider, exactly.";
    };
  };

  key = types.submodule {
    options = {
      key =
        optional types.nonEmptyStr "alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU="
          "A public key in the form of Nix, OpenSSH, PEM, minisign or signify.";
      openpgp =
        optional types.nonEmptyStr "0123456789ABCDEF0123456789ABCDEF01234567"
          "The whole fingerprint of an OpenPGP primary key, with `certificate`.";
      certificate =
        optional file (lib.literalExpression "./keys/alice.asc")
          "The file that holds the OpenPGP certificate.";
      sigstore =
        optional sigstore {
          subject = "alice@example.org";
          issuer = "https://accounts.example.org";
        } "An identity of Sigstore's, with `trustedRoot`.";
      trustedRoot =
        optional file (lib.literalExpression "./keys/trusted_root.json")
          "The trusted root of the Sigstore instance that certified it.";
      namespaces = optional (types.nonEmptyListOf types.nonEmptyStr) [
        "release@example.org"
        "git"
      ] "What a key in OpenSSH's form may sign for.";
      certifies = optional (types.nonEmptyListOf certifiedRole) [
        "builder"
      ] "In which roles the keys speak that it certifies, with `forAtMost`.";
      forAtMost =
        optional types.ints.positive 90
          "How many days a key may count at most that it certifies.";
      rotates = optional types.bool true "Whether it may name its successor.";
      validFrom = optional date "2026-01-01" "When the key begins to count.";
      validUntil = optional date "2027-01-01" "When the key stops counting.";
    };
  };

  requirement = types.oneOf [
    name
    (types.nonEmptyListOf name)
    (types.attrsOf names)
  ] // {
    description = ''"nothing", "refuse", "approved", the name of a principal or group, a list of such names, or such names by role ({ developer = "alice"; packager = "packagers"; }), perhaps with the quorum of a log ({ builder = "bob"; logged = "main"; })'';
  };

  acceptOptions = {
    acceptGraph =
      optional types.bool true
        "Whether a packager's signature on one derivation's whole build graph counts for the sources and derivations in it.";
    acceptUnknownDerivation =
      optional types.bool true
        "Whether an output from elsewhere, whose derivation this store does not have, is judged only by its builders.";
    acceptExpiredKey = optional (types.enum [
      "refuse"
      "if-signed-before"
    ]) "if-signed-before" "Whether an OpenPGP key that has ended counts for sources that it signed before.";
  };

  keyText = types.coercedTo types.nonEmptyStr (text: { key = import ./key-text.nix text; }) key;

  principal = types.submodule {
    options = {
      keys = mkOption {
        type = types.listOf keyText;
        default = [ ];
        example = [ "alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=" ];
        description = "Their keys, each as text, or as a set with further fields.";
      };
      keyFiles = mkOption {
        type = types.listOf types.path;
        default = [ ];
        example = lib.literalExpression "[ ./keys/alice.pub ]";
        description = ''
          Files with a public key each, as `keys` would have it as text. They are read when the system
          is evaluated.
        '';
      };
    };
  };

  # A trusted list that is fetched when the system is evaluated.
  fetchedList = types.submodule {
    options = {
      url = required url "https://community.example.org/trusted.toml" "Where the list is.";
      hash =
        required
          (
            types.strMatching "sha256-[0-9A-Za-z+/]{43}="
            // {
              description = "hash of the form sha256-…, as `nix hash file` prints it";
            }
          )
          "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
          "The hash of the file.";
    };
  };

  group = types.submodule {
    options = {
      members =
        required (types.nonEmptyListOf name) [
          "alice"
          "bob"
        ] "Principals, other groups, or `self`, which is this machine.";
      threshold = required types.ints.positive 2 "How many of the members have to agree.";
    };
  };

  # A list that a community keeps, as the policy subscribes to it.
  list = types.submodule {
    options = {
      url = required (
        types.strMatching "(https?://|/)[^[:space:]]+" // {
          description = "address that begins with https:// or http://, or an absolute path";
        }
      ) "https://lists.example.org/debian" "Where its updates come from.";
      roles = required (types.nonEmptyListOf listRole) [ "developer" ] "The roles in which it may speak.";
      names = optional (types.nonEmptyListOf types.nonEmptyStr) [
        "lib*"
      ] "Globs for the names of what it may speak about; by default anything.";
      updates =
        optional
          (types.enum [
            "auto"
            "ask"
            "pinned"
          ])
          "auto"
          ''
            `"auto"`: updates take effect at once. `"ask"`: somebody is asked first, as by default.
            `"pinned"`: they are told, and not taken.
          '';
      revocations = optional (types.enum [
        "at-once"
        "with-updates"
      ]) "with-updates" "Whether what it revokes is taken in before the rest of an update, as by default.";
      grace =
        optional (types.ints.between 0 365) 14
          "Days for which its last state counts after its end; none by default.";
      corroborated = optional types.bool true "Whether only entries count that two independent distributions have.";
    };
  };

  developers = types.submodule {
    options = {
      names = required (types.nonEmptyListOf types.nonEmptyStr) [
        "libmd-*.tar.*"
      ] "Globs for the names of sources.";
      urls = optional (types.nonEmptyListOf types.nonEmptyStr) [
        "https://archive.hadrons.org/*"
      ] "Globs for the addresses that they come from; by default any.";
      by = required names "guillem" "Who signs them: a principal or group, or several of whom any is enough.";
      threshold = optional types.ints.positive 2 "How many of them have to.";
    };
  };

  quorum = types.submodule {
    options.policy =
      required file (lib.literalExpression "./tlog-policy.txt")
        "The file that says which logs, witnesses and groups of them, as in c2sp.org/tlog-policy.";
  };

  rule = types.submodule {
    options = {
      name = optional types.nonEmptyStr "upstream tarballs" "A title, for messages.";
      match = {
        name = optional types.nonEmptyStr "*.tar.*" "A glob over names of store paths.";
        kind =
          optional (types.either kind (types.nonEmptyListOf kind)) "fetched-source"
            "The kinds of paths that the rule applies to; by default all for which it states a requirement.";
      };
      require = {
        source = optional requirement { developer = "alice"; } "What fetched and local sources need.";
        derivation = optional requirement "packagers" "What derivations need.";
        output = optional requirement "builders" "What outputs need.";
      };
    }
    // acceptOptions;
  };

  fallback = types.submodule {
    options = {
      require = {
        source = mkOption {
          type = requirement;
          default = "refuse";
          example = "packagers";
          description = "What fetched and local sources need. By default every source is refused.";
        };
        derivation = mkOption {
          type = requirement;
          default = "nothing";
          example = "packagers";
          description = ''
            What derivations need. By default they need no signature of their own, only trusted sources.
            With `"nothing"` whoever writes a derivation writes the program.
          '';
        };
        output = mkOption {
          type = requirement;
          default = "self";
          example = "builders";
          description = "What outputs need. By default this machine must have built them.";
        };
      };
    }
    // acceptOptions;
  };

  revocation = types.submodule {
    options = {
      key =
        optional types.nonEmptyStr "alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU="
          "A key on the trusted list, in any form.";
      openpgp =
        optional types.nonEmptyStr "0123456789ABCDEF0123456789ABCDEF01234567"
          "A fingerprint on the trusted list.";
      sigstore = optional sigstore {
        subject = "alice@example.org";
        issuer = "https://accounts.example.org";
      } "An identity on the trusted list.";
      principal = optional name "bob" "A principal, with all their keys.";
      date =
        required date "2026-05-01"
          "The date from which it no longer counts, whatever it signed before.";
      reason = optional types.nonEmptyStr "laptop stolen" "Why, for messages.";
    };
  };

  input = types.submodule {
    options = {
      name = optional types.nonEmptyStr "our own flakes" "A title, for messages.";
      url =
        required types.nonEmptyStr "https://git.example.org/infra/*"
          "A glob over the canonical URLs of repositories.";
      require = required requirement {
        committer = "packagers";
        reviewer = "carol";
      } "Who must have signed a commit, in the roles `committer` and `reviewer`.";
      acceptUnlocked = optional types.bool true "Whether an input passes that the lock does not pin, if nothing is required.";
    };
  };

  exemption = types.submodule {
    options = {
      path =
        optional types.nonEmptyStr "/nix/store/0c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12.tar.gz"
          "One store path.";
      name = optional types.nonEmptyStr "bootstrap-tools*" "Or a glob over names of store paths.";
      kind =
        optional (types.either kind (types.nonEmptyListOf kind)) "fetched-source"
          "The kinds of paths that `name` applies to; by default all.";
      reason = required types.nonEmptyStr "the seed is not signed yet" "Why, for messages.";
      author = optional types.nonEmptyStr "alice" "Who decided that, for messages.";
      until = required date "2026-12-31" "When it ends.";
    };
  };

  # A set with only an address can be written as the address.
  orUrl = types.coercedTo url (address: { url = address; });

  source = orUrl (
    types.submodule {
      options = {
        url = required url "https://attestations.example.net/bob" "The address.";
        maxAge = optional types.ints.unsigned 86400 "For how many seconds an answer is used; 3600 by default.";
      };
    }
  );

  upstream = types.coercedTo storeUrl (address: { url = address; }) (
    types.submodule {
      options = {
        url = required storeUrl "https://private.example.org/cache" "The address.";
        authorization =
          optional types.nonEmptyStr "/run/secrets/cache-token"
            "A file that only root can read, with the value of the Authorization header. It must not be in the store.";
        priority =
          optional types.ints.positive 30
            "Which upstream is preferred: the lowest number, as in Nix. By default what the cache says of itself.";
        clientCertificate =
          optional types.nonEmptyStr "/run/secrets/cache-client.pem"
            "A PEM file with the certificate that the server wants to see, with `clientKey`.";
        clientKey =
          optional types.nonEmptyStr "/run/secrets/cache-client.key"
            "A PEM file with its key, which only root can read. It must not be in the store.";
      };
    }
  );

  # A file of the machine that holds a secret, or who may write to which decides about security.
  machineFile = types.nullOr (
    types.strMatching "/[^[:space:]]+" // {
      description = "absolute path, in quotes";
    }
  );
in
{
  inherit
    principal
    fetchedList
    group
    list
    developers
    quorum
    rule
    fallback
    revocation
    exemption
    input
    names
    source
    upstream
    machineFile
    ;
}
