import type { Check } from "./check.ts";
import { backupChecks } from "./checks/backups.ts";
import { clockChecks } from "./checks/clock.ts";
import { configurationChecks } from "./checks/configuration.ts";
import { connectivityChecks } from "./checks/connectivity.ts";
import { containerChecks } from "./checks/containers.ts";
import { drillChecks } from "./checks/drill.ts";
import { leftoverChecks } from "./checks/leftovers.ts";
import { notificationChecks } from "./checks/notifications.ts";
import { performanceChecks } from "./checks/performance.ts";
import { permissionChecks } from "./checks/permissions.ts";
import { scheduleChecks } from "./checks/schedule.ts";
import { spaceChecks } from "./checks/space.ts";
import { storeChecks } from "./checks/store.ts";
import { toolChecks } from "./checks/tools.ts";

/** Every check there is. */
export const checks: readonly Check[] = [
  ...configurationChecks,
  ...toolChecks,
  ...permissionChecks,
  ...containerChecks,
  ...connectivityChecks,
  ...spaceChecks,
  ...storeChecks,
  ...notificationChecks,
  ...scheduleChecks,
  ...backupChecks,
  ...performanceChecks,
  ...clockChecks,
  ...leftoverChecks,
  ...drillChecks,
];
