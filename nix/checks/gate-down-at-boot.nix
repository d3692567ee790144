# Where the gate cannot start, nothing comes from a cache, and the hooks judge builds without it.
harness:
harness "gate-down-at-boot" {
  machine =
    { lib, pkgs, ... }:
    {
      systemd.services.nixsig.serviceConfig.ExecStart = lib.mkForce "${pkgs.coreutils}/bin/false";
    };
  testScript = ''
    machine.fail("systemctl is-active nixsig.service")
    machine.fail("nix-store --realise /nix/store/00000000000000000000000000000000-hello")

    refused(build, "needs alice for its source, found no signature")
    attest("/root/hello/hello.txt")
    machine.succeed(build)
  '';
}
