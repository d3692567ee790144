{
  description = "nixsig: a trust gate for Nix";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      eachSystem =
        outputsOf:
        nixpkgs.lib.genAttrs [
          "x86_64-linux"
          "aarch64-linux"
        ] (system: outputsOf nixpkgs.legacyPackages.${system});

      package = pkgs: pkgs.callPackage ./nix/package.nix { };

      # What the tests and the tools of a checkout call, besides node and npm.
      tools = pkgs: [
        pkgs.nodejs
        pkgs.nix
        pkgs.gnupg
        pkgs.sequoia-sqv
        pkgs.minisign
        pkgs.openssh
        pkgs.openssl
        pkgs.sqlite
        pkgs.git
        pkgs.nixfmt
      ];

      # The demo makes machines of its own in namespaces, from a checkout and its node_modules.
      demo =
        pkgs:
        pkgs.writeShellApplication {
          name = "nixsig-demo";
          runtimeInputs = [ pkgs.nodejs ];
          text = ''
            if ! [ -f tools/demo.mjs ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
              echo "The demo makes namespaces and fetches a release by apt:" >&2
              echo "run it as root, on Debian, in a checkout of nixsig." >&2
              exit 2
            fi
            [ -d node_modules ] || npm ci
            exec npm run --silent demo -- "$@"
          '';
          meta.description = "Three machines that trust different signers, in namespaces of this one";
        };
    in
    {
      lib = import ./nix/lib.nix;

      overlays.default = import ./nix/overlay.nix;

      nixosModules = {
        default = self.nixosModules.nixsig;
        nixsig.imports = [ ./nix/module.nix ];
      };

      packages = eachSystem (pkgs: {
        default = package pkgs;
        nixsig = package pkgs;
      });

      # Quick enough for everybody.
      checks = eachSystem (pkgs: import ./nix/checks { inherit pkgs; });

      # With KVM: nix build .#hydraJobs.vm-tests.x86_64-linux.lying-cache
      hydraJobs.vm-tests = eachSystem (pkgs: import ./nix/checks/vm.nix { inherit pkgs; });

      templates.default = {
        path = ./nix/template;
        description = "A NixOS machine with nixsig, which at first only reports";
      };

      flakeModules.default = ./nix/flake-parts.nix;

      apps = eachSystem (pkgs: {
        default = {
          type = "app";
          program = nixpkgs.lib.getExe (package pkgs);
          meta.description = "The command line: nixsig --help";
        };
        demo = {
          type = "app";
          program = nixpkgs.lib.getExe (demo pkgs);
          meta.description = "Three machines that trust different signers, in namespaces of this one";
        };
      });

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell { packages = tools pkgs; };
      });

      # Older releases of nixpkgs have no formatter for whole trees.
      formatter = eachSystem (pkgs: pkgs.nixfmt-tree or pkgs.nixfmt-rfc-style);
    };
}
