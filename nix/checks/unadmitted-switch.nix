# A system of which something is not trusted is not switched to: here the very one that runs, of which nobody signed anything.
# What alice signed and this machine built passes, small as it is for a system.
harness:
harness "unadmitted-switch" {
  testScript = ''
    checks = "/run/current-system/pre-switch-checks"
    refused(f"{checks} /run/current-system test", "nixsig: not switching to /run/current-system")

    attest("/root/hello/hello.txt")
    machine.succeed(build)
    machine.succeed(f"{checks} $(readlink /root/result) test")
  '';
}
