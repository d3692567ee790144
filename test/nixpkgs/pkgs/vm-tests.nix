# testers.runNixOSTest: evaluates the machines and the script of a test. Nothing here can run one, and its build says
# so.
{ lib }:
final: prev:

let
  machine =
    module:
    import ../nixos/lib/eval-config.nix {
      inherit (final) system;
      modules = [ module ];
    };

  runNixOSTest =
    given:
    let
      arguments = {
        inherit lib;
        pkgs = final;
      };
      test = if builtins.isFunction given then given arguments else given;
      nodes = builtins.mapAttrs (_: module: (machine module).config) test.nodes;
      testScriptString =
        if builtins.isFunction test.testScript then test.testScript { inherit nodes; } else test.testScript;
    in
    final.runCommand "vm-test-run-${test.name}"
      {
        testScript = testScriptString;
        machines = builtins.attrValues (builtins.mapAttrs (_: config: config.system.build.toplevel) nodes);
        passthru = {
          inherit nodes;
          config = test // {
            inherit nodes testScriptString;
          };
        };
      }
      ''
        echo "a test in virtual machines needs a real nixpkgs and /dev/kvm" >&2
        exit 1
      '';
in
{
  testers = {
    inherit runNixOSTest;

    testVersion =
      { package }:
      final.runCommand "version-of-${package.pname}" { } ''
        [ "$(${lib.getExe package} --version)" = ${package.version} ]
        touch $out
      '';
  };
}
