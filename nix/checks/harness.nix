# What the tests in virtual machines share: a machine that enforces. Sources need alice, outputs
# need this machine or a cache whose key is in the list. `hello` is one source and what is built
# from it with only a shell.
#
#   harness NAME { machine ? <a module>, testScript }
#
# The script has `machine`, `attest` and `refused`.
{ pkgs }:

let
  keys = import ./keys.nix;

  hello = pkgs.writeText "hello.nix" ''
    derivation {
      name = "hello";
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [ "-c" "read line <$src; echo \"$line, world\" >$out" ];
      src = ./hello.txt;
    }
  '';

  enforcing = {
    imports = [ ../module.nix ];

    security.nixsig = {
      enable = true;
      package = pkgs.callPackage ../package.nix { };
      mode = "enforce";
      principals.alice.keys = [ keys.alice.public ];
      principals.cache.keys = [ keys.cache.public ];
      groups.makers = {
        members = [
          "self"
          "cache"
        ];
        threshold = 1;
      };
      default = {
        require.source = "alice";
        require.output = "makers";
        acceptUnknownDerivation = true;
      };
      gate.upstreams = [ "file:///srv/cache" ];
      gate.maxAge = 0;
      gate.negativeMaxAge = 0;
    };
  };

  # No file in the store is secret, but these keys need not be.
  secret = name: pkgs.writeText "${name}.secret" "${keys.${name}.secret}\n";

  prelude = ''
    machine.wait_for_unit("nixsig-keys.service")
    machine.wait_for_unit("nixsig-judge.socket")
    machine.succeed("mkdir -p /srv/cache /root/hello")
    machine.succeed("install -m 600 ${secret "alice"} /root/alice.secret")
    machine.succeed("install -m 600 ${secret "cache"} /root/cache.secret")
    machine.succeed("install -m 600 ${secret "mallory"} /root/mallory.secret")
    machine.succeed("install -m 644 ${hello} /root/hello/hello.nix")
    machine.succeed("echo hello >/root/hello/hello.txt")
    build = "nix-build --out-link /root/result /root/hello/hello.nix"


    def attest(file: str) -> None:
        """alice's word on a source, where the policy looks for it"""
        machine.succeed(
            f"nixsig attest source $(nix-store --add {file}) --as developer --purl pkg:generic/hello@1"
            " --key /root/alice.secret --out /var/lib/nixsig/evidence"
        )


    def refused(command: str, reason: str) -> None:
        said = machine.fail(f"{command} 2>&1")
        assert reason in said, said

  '';
in
name:
{
  machine ? { },
  testScript,
}:
pkgs.testers.runNixOSTest {
  name = "nixsig-${name}";
  nodes.machine.imports = [
    enforcing
    machine
  ];
  testScript = prelude + testScript;
}
