# What has to hold before a system is built, and what is told of it.
{ lib, ... }:

{
  options = {
    assertions = lib.mkOption {
      type = lib.types.listOf lib.types.unspecified;
      default = [ ];
      description = "Conditions, each with the message that tells what to do where it does not hold.";
    };

    warnings = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      description = "What is told whenever the system is evaluated.";
    };
  };
}
