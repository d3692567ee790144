# A system of which something is not trusted is not switched to: here the very one that runs, of
# which nobody signed anything. What alice signed and this machine built passes, small as it is for
# a system.
harness:
harness "unadmitted-switch" {
  # What NixOS asks before it switches. It has its own place for that, which is not the same in all
  # versions.
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
