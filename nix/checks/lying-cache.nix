# A cache has one binary signed by a stranger, and one that differs from what its key signed.
# Neither comes in; the genuine one does.
harness:
harness "lying-cache" {
  testScript = ''
    # Another machine without nixsig: its store, and its nix.conf.
    machine.succeed(
        "mkdir /root/conf && grep -v -e hook -e plugin -e include -e substituters /etc/nix/nix.conf >/root/conf/nix.conf"
    )
    elsewhere = "NIX_CONF_DIR=/root/conf NIX_REMOTE='local?root=/root/elsewhere'"
    out = machine.succeed(f"{elsewhere} nix-build --no-out-link /root/hello/hello.nix").strip()
    narinfo = f"/srv/cache/{out[len('/nix/store/'):][:32]}.narinfo"


    def publish(key: str) -> None:
        machine.succeed("rm -rf /srv/cache/*")
        machine.succeed(
            f"{elsewhere} nix --extra-experimental-features nix-command copy"
            f" --to 'file:///srv/cache?secret-key=/root/{key}.secret' {out}"
        )


    publish("mallory")
    refused(f"nix-store --realise {out}", "signers who are not in the trusted list")

    publish("cache")
    machine.succeed(f"sed -i 's/^NarSize: .*/NarSize: 4096/' {narinfo}")
    refused(f"nix-store --realise {out}", f"nixsig: refused {out}")

    publish("cache")
    machine.succeed(f"nix-store --realise {out}")
  '';
}
