let
  sys = "x86_64-linux";
  d = a: derivation ({ system = sys; builder = "/bin/sh"; } // a);
  leaf = d { name = "leaf"; };
  ca = d { name = "floating"; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputs = [ "out" "dev" ]; };
  src = builtins.toFile "source.txt" "some source";
in {
  input-addressed = d { name = "input-addressed"; outputs = [ "out" "dev" "lib" ]; args = [ "-c" "echo \"\\\n\r\t$out" ]; inherit src; dep = leaf; text = "grün\n\"quoted\" \\ ${src}"; };
  structured = d { name = "structured"; __structuredAttrs = true; list = [ 1 "two" ]; outputs = [ "out" ]; nested.a = "b"; };
  fixed-flat = d { name = "fixed-flat"; outputHash = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4"; outputHashAlgo = "sha256"; };
  fixed-recursive = d { name = "fixed-recursive"; outputHash = "sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EHe+Q="; outputHashMode = "recursive"; };
  fixed-sha512 = d { name = "fixed-sha512"; outputHash = "0e3e75234abc68f4378a86b3f4b32a198ba301845b0cd6e50106e874345700cc6663a86c1ea125dc5e92be17c98f9a0f85ca9d5f595db2012f7cc3571945c123"; outputHashAlgo = "sha512"; };
  fixed-md5-recursive = d { name = "fixed-md5-recursive"; outputHash = "764efa883dda1e11db47671c4a3bbd9e"; outputHashAlgo = "md5"; outputHashMode = "recursive"; };
  fixed-sha1 = d { name = "fixed-sha1"; outputHash = "adc83b19e793491b1c6ea0fd8b46cd9f32e592fc"; outputHashAlgo = "sha1"; };
  floating = ca;
  deferred = d { name = "deferred"; input = ca; dev = ca.dev; };
  impure = d { name = "impure"; __impure = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  dynamic = let
      producer = d { name = "producer.drv"; __contentAddressed = true; outputHashMode = "text"; outputHashAlgo = "sha256"; args = ["x"]; };
      grand = d { name = "grand.drv.drv"; __contentAddressed = true; outputHashMode = "text"; outputHashAlgo = "sha256"; };
    in d { name = "dynamic"; made = builtins.outputOf producer.outPath "out"; lib = builtins.outputOf producer.outPath "lib";  itself = producer.outPath; deep = builtins.outputOf (builtins.outputOf grand.outPath "out") "dev"; inherit leaf; };
  fixed-text = d { name = "fixed-text.drv"; outputHashMode = "text"; outputHash = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4"; outputHashAlgo = "sha256"; };
  fixed-git = d { name = "fixed-git"; outputHashMode = "git"; outputHash = "adc83b19e793491b1c6ea0fd8b46cd9f32e592fc"; outputHashAlgo = "sha1"; };
  fixed-blake3 = d { name = "fixed-blake3"; outputHash = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"; outputHashAlgo = "blake3"; };
}
