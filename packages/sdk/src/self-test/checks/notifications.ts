import { fail, pass, skip, warn, type Check } from "../check.ts";

export const notificationChecks: readonly Check[] = [
  {
    id: "notifications.channels",
    layer: "notifications",
    title: "Somebody is told when something is wrong",
    needs: ["configuration"],
    run: async (subject) => {
      const { channels } = (await subject.opened()).config;
      const people = channels.filter(({ accepts }) => accepts === "notices");
      return people.length > 0
        ? pass(people.map(({ name, kind }) => (name === kind ? name : `${name} (${kind})`)).join(", "))
        : warn(
            "nobody is: no email, Slack or webhook is configured",
            "set BACKUP_NOTIFICATION_EMAIL or BACKUP_SLACK_WEBHOOK",
          );
    },
  },
  {
    id: "notifications.switch",
    layer: "notifications",
    title: "Somebody notices when this machine falls silent",
    needs: ["configuration"],
    run: async (subject) => {
      const { channels } = (await subject.opened()).config;
      return channels.some(({ accepts }) => accepts === "pings")
        ? pass("a dead man's switch is told of every run")
        : warn("a machine that is off tells nobody", "set BACKUP_HEALTHCHECK_URL, a check that expects a ping per run");
    },
  },
  {
    id: "notifications.secrets",
    layer: "notifications",
    title: "What channels must not say is known to them",
    needs: ["configuration"],
    run: async (subject) => {
      const { channels, secrets } = (await subject.opened()).config;
      if (channels.length === 0) return skip("no channel is configured");
      const empty = channels.filter((channel) => channel.secrets.some((secret) => secret.reveal().trim() === ""));
      return empty.length === 0
        ? pass(
            `${secrets.length + channels.flatMap((channel) => channel.secrets).length} secrets are redacted in all that is sent`,
          )
        : fail(`empty: a secret of ${empty.map(({ name }) => name).join(", ")}`, "see the file that is to hold it");
    },
  },
  {
    id: "notifications.sent",
    layer: "notifications",
    title: "A test message arrives",
    needs: ["configuration"],
    effect: "sends",
    limit: 60_000,
    run: async (subject, signal) => {
      const { sendTest } = await subject.opened();
      const sent = await sendTest(signal);
      if (sent.length === 0) return skip("no channel is configured");
      const failed = sent.filter(({ problem }) => problem !== undefined);
      return failed.length === 0
        ? pass(`taken by ${[...new Set(sent.map(({ channel }) => channel))].join(", ")}`)
        : fail(
            failed.map(({ channel, problem }) => `${channel}: ${problem}`).join("; "),
            "see its settings; `sutazai-backup notify test` tries again",
          );
    },
  },
];
