# Files of a checkout as sources of a build.
{ lib }:

let
  text = map toString;
  isAt = file: at: file == at || lib.hasPrefix (at + "/") file;
in
{
  fileset = {
    unions = files: { inherit files; };

    # A copy of the root that has these files, and all below them, and no others.
    toSource =
      { root, fileset }:
      let
        files = text fileset.files;
        path = builtins.path {
          path = root;
          name = "source";
          filter = file: _: builtins.any (at: isAt file at || lib.hasPrefix (file + "/") at) files;
        };
      in
      {
        outPath = path;
        inherit root;
      };
  };
}
