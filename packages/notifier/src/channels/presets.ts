import type { WebhookTemplate } from "./template.ts";

/** How systems that many have want to be told. All know an incident by `{{key}}`, so that one cause is one incident, closed when it has passed. */
export interface WebhookPreset {
  /** Where it is, unless `url` is given. */
  readonly url?: string;
  /** What `credential` is. */
  readonly credential: string;
  readonly template: WebhookTemplate;
}

const pagerDutyEnd = { routing_key: "{{credential}}", dedup_key: "{{key}}" };

/** https://developer.pagerduty.com/docs/send-alert-event */
const pagerduty: WebhookPreset = {
  url: "https://events.pagerduty.com/v2/enqueue",
  credential: "the integration key (routing key) of an Events API v2 integration",
  template: {
    firing: {
      body: {
        ...pagerDutyEnd,
        event_action: "trigger",
        client: "SutazAI backup",
        payload: {
          summary: "{{title|1024}}",
          source: "{{source}}",
          severity: "{{severity}}",
          timestamp: "{{at}}",
          component: "{{component}}",
          class: "{{cause}}",
          custom_details: {
            what_failed: "{{what}}",
            since: "{{since}}",
            still_safe: "{{stillSafe}}",
            what_to_do_now: "{{action}}",
            facts: "{{facts}}",
            run: "{{runId}}",
            report: "{{report}}",
          },
        },
      },
    },
    resolved: { body: { ...pagerDutyEnd, event_action: "resolve" } },
    event: null,
  },
};

/** https://docs.opsgenie.com/docs/alert-api; the same under Jira Service Management, at another `url`. */
const opsgenie: WebhookPreset = {
  url: "https://api.opsgenie.com",
  credential: "the key of an API integration",
  template: {
    lookups: { priority: { from: "severity", values: { critical: "P1", warning: "P3", info: "P5" } } },
    firing: {
      url: "{{url}}/v2/alerts",
      headers: { authorization: "GenieKey {{credential}}" },
      body: {
        message: "{{title|130}}",
        alias: "{{key}}",
        description: "{{text|15000}}",
        source: "{{source|100}}",
        entity: "{{component|512}}",
        priority: "{{priority}}",
        tags: ["backup"],
        details: { cause: "{{cause}}", since: "{{since}}", run: "{{runId}}", report: "{{report}}" },
      },
    },
    resolved: {
      url: "{{url}}/v2/alerts/{{key}}/close?identifierType=alias",
      headers: { authorization: "GenieKey {{credential}}" },
      body: { source: "{{source|100}}", note: "{{text|25000}}" },
    },
    event: null,
  },
};

const serviceNowEvent = {
  source: "SutazAI backup",
  node: "{{source}}",
  resource: "{{component}}",
  type: "{{cause}}",
  message_key: "{{key}}",
  description: "{{text|4000}}",
};
const serviceNowHeaders = { authorization: "Basic {{credential|base64}}", accept: "application/json" };

/** https://www.servicenow.com/docs/ → Event Management → send events via web service. Its rules make incidents of these events, and close them. */
const servicenow: WebhookPreset = {
  credential: "`user:password` of a user with the role evt_mgmt_integration",
  template: {
    lookups: { level: { from: "severity", values: { critical: "1", warning: "4", info: "5" } } },
    firing: {
      url: "{{url}}/api/global/em/jsonv2",
      headers: serviceNowHeaders,
      body: { records: [{ ...serviceNowEvent, severity: "{{level}}", resolution_state: "New" }] },
    },
    resolved: {
      url: "{{url}}/api/global/em/jsonv2",
      headers: serviceNowHeaders,
      body: { records: [{ ...serviceNowEvent, severity: "0", resolution_state: "Closing" }] },
    },
    event: null,
  },
};

export const presetNames = ["pagerduty", "opsgenie", "servicenow"] as const;
export type PresetName = (typeof presetNames)[number];

export const webhookPresets: Readonly<Record<PresetName, WebhookPreset>> = { pagerduty, opsgenie, servicenow };
