# A policy that others could have written is invalid: nothing is built until it belongs to root
# again.
harness:
harness "tampered-policy" {
  testScript = ''
    attest("/root/hello/hello.txt")
    policy = "/etc/nixsig/policy.toml"
    true_policy = machine.succeed(f"readlink -f {policy}").strip()

    machine.succeed(f"rm {policy} && cp {true_policy} {policy}")
    machine.succeed(f"sed -i s/enforce/warn/ {policy} && chown nobody {policy}")
    refused(build, "belongs to user")

    machine.succeed(f"chown root {policy} && chmod 666 {policy}")
    refused(build, "is writable by others")

    machine.succeed(f"ln -sf {true_policy} {policy}")
    machine.succeed(build)
  '';
}
