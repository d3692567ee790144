# What NixOS makes of a system's options, as far as the stand-in has them: { expr, expected } or { expr, says }. All of it
# is evaluated and nothing built, for one platform, wherever that is.
{ lib, nixpkgs }:

let
  inherit (lib)
    mkAfter
    mkBefore
    mkForce
    mkIf
    ;

  systemOf =
    module:
    import (nixpkgs + "/nixos/lib/eval-config.nix") {
      system = "x86_64-linux";
      modules = [ module ];
    };
  configOf = module: (systemOf module).config;
  settingsOf = settings: (configOf { nix.settings = settings; }).nix.settings;

  # Lines of a unit that begin so, of which a real NixOS has more.
  linesOf =
    keys: text:
    lib.filter (line: lib.elem (builtins.head (lib.splitString "=" line)) keys) (lib.splitString "\n" text);

  cache = "https://cache.nixos.org/";
in
{
  "what NixOS sets for Nix" = {
    expr = lib.filterAttrs (
      name: _:
      lib.elem name [
        "allowed-users"
        "max-jobs"
        "require-sigs"
        "sandbox"
        "sandbox-fallback"
        "substituters"
        "system-features"
        "trusted-public-keys"
        "trusted-substituters"
        "trusted-users"
      ]
    ) (settingsOf { });
    expected = {
      allowed-users = [ "*" ];
      max-jobs = "auto";
      require-sigs = true;
      sandbox = true;
      sandbox-fallback = false;
      substituters = [ cache ];
      system-features = [
        "nixos-test"
        "benchmark"
        "big-parallel"
        "kvm"
      ];
      trusted-public-keys = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
      trusted-substituters = [ ];
      trusted-users = [ "root" ];
    };
  };

  "caches of others come before that of NixOS, unless they come after all" = {
    expr =
      (settingsOf {
        substituters = lib.mkMerge [
          [ "https://b" ]
          (mkBefore [ "https://a" ])
          (lib.mkOrder 1501 [ "https://z" ])
          (mkIf false [ "https://never" ])
        ];
      }).substituters;
    expected = [
      "https://a"
      "https://b"
      cache
      "https://z"
    ];
  };

  "a forced list of caches is all there is" = {
    expr = (settingsOf { substituters = mkForce [ "https://a" ]; }).substituters;
    expected = [ "https://a" ];
  };

  "a setting that has no option is taken, and lists of it put together" = {
    expr = {
      inherit
        (
          (configOf {
            imports = [
              { nix.settings.extra-platforms = [ "a" ]; }
              { nix.settings.extra-platforms = mkAfter [ "b" ]; }
            ];
            nix.settings.fallback = true;
          }).nix.settings
        )
        fallback
        extra-platforms
        ;
    };
    expected = {
      fallback = true;
      extra-platforms = [
        "a"
        "b"
      ];
    };
  };

  "a setting of another type is named" = {
    expr = (settingsOf { trusted-users = "alice"; }).trusted-users;
    says = "A definition for option `nix\\.settings\\.trusted-users' is not of type `list of string'";
  };

  "two values of a setting contradict each other" = {
    expr = (settingsOf { sandbox-fallback = true; }).sandbox-fallback;
    says = "The option `nix\\.settings\\.sandbox-fallback' has conflicting definition values";
  };

  "what a module says of Nix's settings can be found where it says it" = {
    expr =
      let
        inherit (systemOf {
          _file = "mine.nix";
          nix.settings.sandbox = mkForce false;
        }) options;
        mine = lib.filter ({ file, ... }: file == "mine.nix") options.nix.settings.definitionsWithLocations;
      in
      map ({ value, ... }: value.sandbox.content) mine;
    expected = [ false ];
  };

  "lines are put together after all settings" = {
    expr =
      let
        text =
          (configOf {
            imports = [ { nix.extraOptions = mkAfter "!include /last"; } ];
            nix.extraOptions = "keep-outputs = true";
          }).nix.extraOptions;
      in
      [
        (lib.hasPrefix "keep-outputs = true\n" text)
        (lib.hasSuffix "!include /last" text)
      ];
    expected = [
      true
      true
    ];
  };

  "a unit is what its options say" = {
    expr =
      let
        unit =
          (configOf {
            systemd.services.x = {
              description = "An x";
              wantedBy = [ "multi-user.target" ];
              after = [
                "a.service"
                "b.service"
              ];
              environment.WORDS = ''a "b"'';
              unitConfig.RefuseManualStop = true;
              serviceConfig = {
                ExecStart = "/bin/x y";
                ReadWritePaths = [
                  "/a"
                  "/b"
                ];
                CapabilityBoundingSet = "";
              };
            };
          }).systemd.units."x.service";
      in
      {
        inherit (unit) wantedBy requiredBy;
        lines = linesOf [
          "[Unit]"
          "After"
          "Description"
          "RefuseManualStop"
          "[Service]"
          "CapabilityBoundingSet"
          "ExecStart"
          "ReadWritePaths"
        ] unit.text;
        environment = lib.filter (lib.hasPrefix ''Environment="WORDS='') (lib.splitString "\n" unit.text);
      };
    expected = {
      wantedBy = [ "multi-user.target" ];
      requiredBy = [ ];
      lines = [
        "[Unit]"
        "After=a.service b.service"
        "Description=An x"
        "RefuseManualStop=true"
        "[Service]"
        "CapabilityBoundingSet="
        "ExecStart=/bin/x y"
        "ReadWritePaths=/a"
        "ReadWritePaths=/b"
      ];
      environment = [ ''Environment="WORDS=a \"b\""'' ];
    };
  };

  "several modules make one unit" = {
    expr =
      let
        text =
          (configOf {
            imports = [
              {
                systemd.services.x.after = [ "a.service" ];
                systemd.services.x.serviceConfig.Restart = "no";
              }
            ];
            systemd.services.x.after = [ "b.service" ];
            systemd.services.x.serviceConfig.Restart = mkForce "always";
          }).systemd.units."x.service".text;
      in
      linesOf [
        "After"
        "Restart"
      ] text;
    expected = [
      "After=b.service a.service"
      "Restart=always"
    ];
  };

  "units are called as systemd calls them" = {
    expr =
      (configOf { systemd.services.x.wantedBy = [ "multi-user" ]; }).systemd.services.x.wantedBy;
    says = "A definition for option `systemd\\.services\\.x\\.wantedBy.*' is not of type";
  };

  "a file of /etc is made of its text, or is where it says" = {
    expr =
      let
        inherit
          (configOf {
            environment.etc."mine/a".text = "a";
            environment.etc."mine/b".source = "/srv/b";
          })
          environment
          ;
        sourceOf = name: builtins.unsafeDiscardStringContext "${environment.etc.${name}.source}";
      in
      [
        (lib.hasPrefix "${builtins.storeDir}/" (sourceOf "mine/a"))
        (sourceOf "mine/b")
      ];
    expected = [
      true
      "/srv/b"
    ];
  };

  "an assertion that does not hold says what to do" = {
    expr =
      (configOf {
        assertions = [
          {
            assertion = true;
            message = "held";
          }
          {
            assertion = false;
            message = "Do this.";
          }
        ];
      }).system.build.toplevel.drvPath;
    says = "Failed assertions:\\s+(- .*\\s+)*- Do this\\.";
  };
}
