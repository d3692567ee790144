# What alice signed is built, and what this machine built is trusted afterwards.
harness:
harness "happy-path" {
  testScript = ''
    machine.wait_for_unit("nixsig.service")
    attest("/root/hello/hello.txt")
    machine.succeed(build)
    assert machine.succeed("cat /root/result") == "hello, world\n"
    said = machine.succeed("nixsig verify $(readlink /root/result)")
    assert "vouched for by this machine" in said, said
    machine.succeed("curl --fail --silent http://127.0.0.1:4649/health")
  '';
}
