# Nothing is built from a source that nobody signed, nor from one that differs by a byte from what
# was signed.
harness:
harness "unsigned-source" {
  testScript = ''
    unsigned = "needs alice for its source, found no signature"
    refused(build, unsigned)

    attest("/root/hello/hello.txt")
    machine.succeed("echo Hello >/root/hello/hello.txt")
    refused(build, unsigned)
    machine.fail("test -e /root/result")

    machine.succeed("echo hello >/root/hello/hello.txt")
    machine.succeed(build)
  '';
}
