# How far a service of nixsig's is shut in, as systemd.exec(5) has it. It runs as root, because the store, its database and
# the ledger are root's; `systemd-analyze security` tells what is left of that.
{
  CapabilityBoundingSet = [
    # Refused outputs are moved out of the store with their owners and modes, and the store may be mounted read-only: then
    # it is made writable in a mount namespace of the one program that moves them.
    "CAP_CHOWN"
    "CAP_DAC_OVERRIDE"
    "CAP_FOWNER"
    "CAP_SYS_ADMIN"
  ];
  DevicePolicy = "closed";
  KeyringMode = "private";
  LockPersonality = true;
  NoNewPrivileges = true;
  PrivateDevices = true;
  PrivateTmp = true;
  ProcSubset = "pid";
  ProtectClock = true;
  ProtectControlGroups = true;
  ProtectHome = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;
  ProtectProc = "invisible";
  ProtectSystem = "strict";
  ReadWritePaths = [
    "/nix/store"
    "/nix/var/nix"
  ];
  RemoveIPC = true;
  RestrictAddressFamilies = [
    "AF_UNIX"
    "AF_INET"
    "AF_INET6"
  ];
  RestrictNamespaces = "mnt";
  RestrictRealtime = true;
  RestrictSUIDSGID = true;
  SystemCallArchitectures = "native";
  SystemCallErrorNumber = "EPERM";
  SystemCallFilter = [
    "@system-service"
    "@mount"
    "~@resources"
  ];
  UMask = "0022";
}
