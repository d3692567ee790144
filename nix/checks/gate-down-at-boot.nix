# If the gate does not start with the machine, nothing comes in: neither from a cache nor as a
# source. Once it runs, everything works.
harness:
harness "gate-down-at-boot" {
  machine.systemd.services.nixsig.unitConfig.ConditionPathExists = "/root/mended";
  testScript = ''
    machine.fail("systemctl is-active nixsig.service")
    machine.fail("nix-store --realise /nix/store/00000000000000000000000000000000-hello")
    refused(build, "hello.txt: the ledger does not have it")

    machine.succeed("touch /root/mended && systemctl reset-failed 'nixsig*'")
    machine.succeed("systemctl restart nixsig-judge.socket nixsig-ask.socket nixsig.socket nixsig.service")
    refused(build, "needs alice for its source, found no signature")
    attest("/root/hello/hello.txt")
    machine.succeed(build)
  '';
}
