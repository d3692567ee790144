# How nixsig's last lines in nix.conf begin.
{
  marker = "# nixsig: the last lines of this file";
}
