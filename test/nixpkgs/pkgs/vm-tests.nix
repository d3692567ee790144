# testers.runNixOSTest: evaluates the machines and the script of a test. Nothing here can run one.
{ lib }:
final: prev:
{ }
