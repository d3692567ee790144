# The policy as options: whom you trust, and for what. Fields have the names of policy.toml
# (docs/policy.md).
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) literalExpression mkOption types;

  own = import ./types.nix { inherit lib; };
  proxies = import ./proxies.nix { inherit config lib; };

  seconds =
    default: description:
    mkOption {
      type = types.ints.unsigned;
      example = 2 * default;
      inherit default description;
    };
in
{
  options.security.nixsig = {
    mode = mkOption {
      type = types.enum [
        "warn"
        "enforce"
      ];
      default = "warn";
      example = "enforce";
      description = ''
        `"enforce"`: what is not trusted is refused. `"warn"`: it is reported but allowed. Begin with
        `"warn"`, list whom you trust, and change it when nothing that you use is reported any more.
      '';
    };

    principals = mkOption {
      type = types.attrsOf own.principal;
      default = { };
      example = {
        alice.keys = [ "alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU=" ];
      };
      description = "People and machines, each with their keys. Only these can be required.";
    };

    groups = mkOption {
      type = types.attrsOf own.group;
      default = { };
      example = {
        packagers = {
          members = [
            "alice"
            "bob"
          ];
          threshold = 2;
        };
      };
      description = "Groups of principals, of whom a number must agree. Rules can require a group instead of one principal.";
    };

    presets = mkOption {
      type = types.listOf (types.enum (builtins.attrNames (import ./presets.nix)));
      default = [ ];
      example = [ "cache.nixos.org" ];
      description = ''
        Principals that nixsig knows by name, so that nobody copies their keys: `cache.nixos.org` is
        the binary cache of NixOS. Requirements and groups can name them as if they were in
        `principals`. None is trusted for anything before they do.
      '';
    };

    trustedLists = mkOption {
      type = types.listOf (types.either types.path own.fetchedList);
      default = [ ];
      example = literalExpression ''[ "''${inputs.community-list}/trusted.toml" ]'';
      description = ''
        Trusted lists that others keep, as a file or by URL and hash: TOML files with only
        `principals`, `groups` and `revocations`, as in policy.toml. Their names are added to yours, and each name may come from
        only one place. You say what these people are trusted for, in `rules` and `default`. Pin such
        a file, as a flake's input is pinned: whoever writes it decides whom you trust.
      '';
    };

    lists = mkOption {
      type = types.attrsOf own.list;
      default = { };
      example = {
        debian = {
          url = "https://lists.example.org/debian";
          roles = [ "developer" ];
          grace = 14;
        };
      };
      description = ''
        Lists of keys that communities keep, sign and update. Whoever a list calls `libmd` is
        `debian/libmd` here, and such a name may stand wherever one of `principals` or `groups` may.
        What a list says is not part of the system: it is taken in on the machine, by root. The first
        time `nixsig trust subscribe` compares its fingerprint, and then `nixsig trust update` takes in what is new.
      '';
    };

    developers = mkOption {
      type = types.attrsOf own.developers;
      default = { };
      example = {
        libmd = {
          names = [ "libmd-*.tar.*" ];
          urls = [ "https://archive.hadrons.org/*" ];
          by = "guillem";
        };
      };
      description = ''
        Who signs which sources, for requirements that say `developer = "its-developers"`. Where one of
        these entries matches a source, no list is asked about it.
      '';
    };

    quorums = mkOption {
      type = types.attrsOf own.quorum;
      default = { };
      example = literalExpression "{ main.policy = ./tlog-policy.txt; }";
      description = ''
        Which transparency logs are believed, and how many witnesses have to have seen a log, for
        requirements that say `logged`: `require.output = { builder = "bob"; logged = "main"; }` takes
        only attestations that are proven to be in a log.
      '';
    };

    approvals.by = mkOption {
      type = types.nullOr own.names;
      default = null;
      example = "self";
      description = ''
        Who approves what was evaluated from signed expressions, where a requirement says `"approved"`:
        a name, or a list of names that are all needed. `"self"` is what root approved on this machine.
      '';
    };

    inputs = mkOption {
      type = types.listOf own.input;
      default = [ ];
      example = [
        {
          name = "our own flakes";
          url = "https://git.example.org/infra/*";
          require.committer = "packagers";
        }
      ];
      description = ''
        Who must have signed the commits of which repositories. The first rule whose `url` matches
        decides; without one an input is refused.
      '';
    };

    rules = mkOption {
      type = types.listOf own.rule;
      default = [ ];
      example = [
        {
          name = "upstream tarballs";
          match = {
            name = "*.tar.*";
            kind = "fetched-source";
          };
          require.source = {
            developer = "alice";
            packager = "packagers";
          };
        }
      ];
      description = ''
        What paths with certain names and kinds need. The first matching rule decides. Mind the order
        in which modules add to this list: `lib.mkBefore` puts a rule first.
      '';
    };

    default = mkOption {
      type = own.fallback;
      default = { };
      example = {
        require.source = "packagers";
      };
      description = "What all other paths need.";
    };

    revocations = mkOption {
      type = types.listOf own.revocation;
      default = [ ];
      example = [
        {
          principal = "bob";
          date = "2026-06-30";
        }
      ];
      description = "Keys and principals that no longer count from a date on.";
    };

    exemptions = mkOption {
      type = types.listOf own.exemption;
      default = [ ];
      example = [
        {
          name = "bootstrap-tools*";
          kind = "fetched-source";
          reason = "the seed is not signed yet";
          until = "2026-12-31";
        }
      ];
      description = "Paths that are allowed without signatures, for a time.";
    };

    attestations = {
      directories = mkOption {
        type = types.listOf types.path;
        default = [ (import ./parts.nix { inherit config lib; }).evidence ];
        example = literalExpression "[ ./attestations ]";
        description = "Directories in which attestations and detached signatures are looked for.";
      };

      sources = mkOption {
        type = types.listOf own.source;
        default = [ ];
        example = [ "https://example.org/alice" ];
        description = "Addresses at which others publish their attestations.";
      };
    };

    gate = {
      upstreams = mkOption {
        type = types.listOf own.upstream;
        default = [ "https://cache.nixos.org" ];
        example = [
          "https://cache.nixos.org"
          "https://cache.example.org"
        ];
        description = ''
          Binary caches that the gate asks. Being listed here does not make a cache trusted: list its
          key as a principal that `require.output` names. The service does not see `/home`, `/root`
          and `/tmp`, so no `file://` cache can be there.
        '';
      };

      listen = mkOption {
        type = types.strMatching "(\\[[0-9a-f:.]+]|[0-9]+(\\.[0-9]+){3}):[1-9][0-9]{0,4}" // {
          description = "IP address and port, such as \"127.0.0.1:4649\"";
        };
        default = "127.0.0.1:4649";
        example = "[::1]:4649";
        description = "Where the gate listens. With an address other than a loopback address, other machines can ask it.";
      };

      onRefusal = mkOption {
        type = types.enum [
          "fail"
          "not-found"
        ];
        default = "fail";
        example = "not-found";
        description = ''
          `"fail"`: Nix stops, and shows the reason. `"not-found"`: Nix gets the answer "not found" and
          builds the path, where its hooks judge.
        '';
      };

      onNoAnswer = mkOption {
        type = types.enum [
          "fail"
          "not-found"
        ];
        default = "not-found";
        example = "fail";
        description = ''
          What Nix gets for a path that no upstream offers, while one or more cannot be asked.
          `"not-found"`: it builds the path, where its hooks judge, so a laptop without a network goes
          on working. `"fail"`: it stops, with the reason.
        '';
      };

      netrcFile = mkOption {
        type = own.machineFile;
        default = if config.nix.settings ? netrc-file then toString config.nix.settings.netrc-file else null;
        defaultText = literalExpression "config.nix.settings.netrc-file or null";
        example = "/run/secrets/netrc";
        description = ''
          File with names and passwords by host, in curl's form. Only root may write to it. By default
          the one that Nix has.
        '';
      };

      timeout = seconds 10 "How many seconds the gate waits for an upstream.";
      maxAge = seconds 3600 "For how many seconds an upstream's answer about a path is used.";
      negativeMaxAge = seconds 60 "For how many seconds an upstream's answer that it lacks a path is used.";
    };

    http = {
      proxy = mkOption {
        type = types.nullOr (
          types.strMatching "http://[^[:space:]/@]+" // {
            description = "address that begins with http://, without user and without a slash at its end";
          }
        );
        default = proxies.proxy;
        defaultText = literalExpression "what config.networking.proxy says of https, if it is such an address";
        example = "http://proxy.example.org:3128";
        description = "An HTTP proxy for everything that nixsig asks over HTTP.";
      };

      proxyAuthorization = mkOption {
        type = own.machineFile;
        default = null;
        example = "/run/secrets/proxy";
        description = ''
          File that only root can read, with the value of the `Proxy-Authorization` header in one line.
        '';
      };

      noProxy = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = proxies.noProxy;
        defaultText = literalExpression "the hosts of config.networking.proxy.noProxy";
        example = [ "cache.lan" ];
        description = "Hosts that are reached without the proxy, each with all names below it.";
      };

      certificates = mkOption {
        type = types.nullOr (types.either types.path types.nonEmptyStr);
        default = null;
        example = literalExpression "./company-ca.pem";
        description = "PEM file with the certificates that servers must have theirs from. By default the system's.";
      };
    };

    decisions =
      let
        unset =
          type: example: description:
          mkOption {
            type = types.nullOr type;
            default = null;
            inherit example description;
          };
      in
      {
        keep = unset types.bool false ''
          Whether whatever is let in or refused is written into the decision log; by default it is.
        '';

        required = unset types.bool true ''
          Whether what cannot be written there is refused, if the policy enforces; by default it is
          let in with a warning.
        '';

        size = unset (types.strMatching "[1-9][0-9]{0,4} (MiB|GiB)") "1 GiB" ''
          How large the log may become, from `"8 MiB"` to `"64 GiB"`: the oldest decisions are
          removed. By default 64 MiB.
        '';

        journal = unset types.bool true "Whether decisions are written to the journal as well.";

        checkpointsTo = unset own.machineFile "/mnt/audit" ''
          A directory in which the signed states of the log are kept as well, such as a mount of
          another machine.
        '';
      };

    store.sources = mkOption {
      type = types.enum [
        "data"
        "attested"
      ];
      default = "data";
      example = "attested";
      description = ''
        `"data"`: sources may become valid without being judged, and are judged when something is
        built from them. `"attested"`: they have to be trusted before they become valid, so
        evaluation cannot copy in anything that nobody signed.
      '';
    };

    settings = mkOption {
      type = (pkgs.formats.toml { }).type;
      default = { };
      example = {
        nix.refusal-line = false;
      };
      description = ''
        Further fields of policy.toml, by their names there. A field for which there is an option is
        an error.
      '';
    };

    policyFile = mkOption {
      type = types.package;
      readOnly = true;
      defaultText = literalExpression "what the options say";
      example = literalExpression "config.security.nixsig.policyFile";
      description = "The policy that the options make, checked. It is `/etc/nixsig/policy.toml` of the system.";
    };
  };
}
