# A system of which something is not trusted is not switched to: here the very one that runs, of which nobody signed anything.
harness:
harness "unadmitted-switch" {
  testScript = ''
    check = "/run/current-system/pre-switch-checks /run/current-system test"
    refused(check, "nixsig: not switching to /run/current-system")

    # Whoever is in a hurry can say so, and no longer than that.
    machine.succeed("nixsig warn --until 1h --reason 'the test says so'")
    machine.succeed(check)
    machine.succeed("nixsig enforce")
    refused(check, "nixsig: not switching to /run/current-system")
  '';
}
