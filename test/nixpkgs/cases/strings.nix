# What nixpkgs's functions make of texts, names and versions: { expr, expected }.
{ lib, ... }:

let
  inherit (lib)
    concatLines
    concatMapStringsSep
    escapeShellArg
    escapeShellArgs
    getExe
    getExe'
    getName
    getVersion
    hasPrefix
    hasSuffix
    optionalString
    removePrefix
    removeSuffix
    showOption
    splitString
    versionAtLeast
    versionOlder
    ;

  package = {
    type = "derivation";
    name = "hello-tools-2.12";
    outPath = "/p";
    meta.mainProgram = "hello";
  };
in
{
  "texts" = {
    expr = {
      joined = concatMapStringsSep ", " toString [
        1
        2
      ];
      lines = concatLines [
        "a"
        "b"
      ];
      none = concatLines [ ];
      some = optionalString true "a" + optionalString false "b";
      prefix = [
        (hasPrefix "ab" "abc")
        (hasPrefix "abcd" "abc")
        (hasPrefix "" "")
      ];
      suffix = [
        (hasSuffix "bc" "abc")
        (hasSuffix "abcd" "abc")
        (hasSuffix "" "a")
      ];
      removed = [
        (removePrefix "a" "ab")
        (removePrefix "b" "ab")
        (removeSuffix "b" "ab")
        (removeSuffix "a" "ab")
      ];
      split = [
        (splitString "\n" "a\nb\n")
        (splitString "." "a.b")
        (splitString "::" "a")
        (splitString "\\d" "a\\db")
      ];
    };
    expected = {
      joined = "1, 2";
      lines = "a\nb\n";
      none = "";
      some = "a";
      prefix = [
        true
        false
        true
      ];
      suffix = [
        true
        false
        true
      ];
      removed = [
        "b"
        "ab"
        "a"
        "ab"
      ];
      split = [
        [
          "a"
          "b"
          ""
        ]
        [
          "a"
          "b"
        ]
        [ "a" ]
        [
          "a"
          "b"
        ]
      ];
    };
  };

  "words of a shell" = {
    expr = [
      (escapeShellArg "a b")
      (escapeShellArg "it's")
      (escapeShellArg "")
      (escapeShellArgs [
        "plain/word"
        "$x"
        1
      ])
    ];
    expected = [
      "'a b'"
      "'it'\\''s'"
      "''"
      "plain/word '$x' 1"
    ];
  };

  "paths of options" = {
    expr = map showOption [
      [
        "a"
        "b"
      ]
      [
        "a"
        "b.c"
        "d e"
      ]
      [
        "users"
        "<name>"
        "*"
      ]
      [
        "a-b"
        "1"
      ]
    ];
    expected = [
      "a.b"
      "a.\"b.c\".\"d e\""
      "users.<name>.*"
      "a-b.\"1\""
    ];
  };

  "names and versions" = {
    expr = {
      names = [
        (getName "hello-2.12")
        (getName package)
        (getName (package // { pname = "x"; }))
      ];
      versions = [
        (getVersion "hello-2.12")
        (getVersion package)
        (getVersion (package // { version = "3"; }))
      ];
      newer = [
        (versionAtLeast "2.10" "2.8")
        (versionAtLeast "2.8" "2.8")
        (versionAtLeast "2.8pre" "2.8")
        (versionOlder "2.8" "2.10")
      ];
    };
    expected = {
      names = [
        "hello"
        "hello-tools"
        "x"
      ];
      versions = [
        "2.12"
        "2.12"
        "3"
      ];
      newer = [
        true
        true
        false
        true
      ];
    };
  };

  "programs of packages" = {
    expr = [
      (getExe package)
      (getExe' package "other")
    ];
    expected = [
      "/p/bin/hello"
      "/p/bin/other"
    ];
  };
}
