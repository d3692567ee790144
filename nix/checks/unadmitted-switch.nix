# The machine does not switch to a system with untrusted paths: here the running one, of which
# nobody signed anything. A minimal system that alice signed and this machine built passes.
harness:
harness "unadmitted-switch" {
  # The checks that NixOS runs before it switches. Where it has them differs between versions.
  machine =
    { config, pkgs, ... }:
    {
      environment.etc."pre-switch-check".source =
        pkgs.writeShellScript "pre-switch-check" config.system.preSwitchChecks.nixsig;
    };
  testScript = ''
    refused("/etc/pre-switch-check /run/current-system", "nixsig: not switching to /run/current-system")

    attest("/root/hello/hello.txt")
    machine.succeed(build)
    machine.succeed("/etc/pre-switch-check $(readlink /root/result)")
  '';
}
