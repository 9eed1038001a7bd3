import { canonicalJson } from '../core/canonical.ts';
import type { Sha256 } from '../core/chain.ts';
import { AEGRAIL_VERSION } from '../protocol.ts';
import type { JsonRecord } from './json-record.ts';
import { LIFECYCLE_CLASS, type OcsfCall, type OcsfKind, ocsfKind, STATUS_NAMES } from './ocsf-kinds.ts';

/**
 * Records as events of the Open Cybersecurity Schema Framework. The profile record_integrity is not in OCSF 1.8.0: this
 * follows the schema's main branch as of July 2026. docs/export.md has the mapping as a table.
 */
export const OCSF_VERSION = '1.9.0-dev';

/** An event, and what the next one of its session's chain must name. */
export interface OcsfLink {
  readonly uid: string;
  readonly typeUid: number;
  readonly fingerprint: Fingerprint;
}

interface Fingerprint {
  readonly algorithm: 'SHA-256';
  readonly algorithm_id: 3;
  readonly encoding: 'Hex';
  readonly encoding_id: 1;
  readonly serialization: 'JCS';
  readonly serialization_id: 2;
  readonly value: string;
}

/**
 * A record as an OCSF event.
 *
 * Its attestation is over the event, as OCSF wants it: SHA-256 of the event's canonical form (RFC 8785) without the
 * fingerprint. So events have a chain of their own, made by the export, that nobody signed. The record's own `hash` and
 * `prev_hash`, which the store's chain is made of, are in `unmapped`.
 *
 * @param previous the link of the record before it in the session; null for the first
 */
export function ocsfEvent(
  record: JsonRecord,
  previous: OcsfLink | null,
  sha256: Sha256,
): { readonly text: string; readonly link: OcsfLink } {
  const kind = ocsfKind(record);
  const typeUid = kind.classUid * 100 + kind.activityId;
  const uid = typeof record['hash'] === 'string' ? record['hash'] : `${record.session_id}/${record.seq}`;
  const attestation = {
    chain_uid: record.session_id,
    ...(previous === null
      ? {}
      : { prev_event: { uid: previous.uid, type_uid: previous.typeUid, fingerprint: previous.fingerprint } }),
  };
  const event = { ...bodyOf(record, kind, uid), type_uid: typeUid, attestation_list: [attestation] };
  const unsealed = canonicalJson(event);
  const fingerprint = fingerprintOf(sha256(unsealed));
  // Sorted by name, the fingerprint comes right after chain_uid. Inside a string the quotes would be escaped.
  const before = `"attestation_list":[{"chain_uid":${canonicalJson(record.session_id)}`;
  const at = unsealed.indexOf(before) + before.length;
  const text = `${unsealed.slice(0, at)},"fingerprint":${canonicalJson(fingerprint)}${unsealed.slice(at)}`;
  return { text, link: { uid, typeUid, fingerprint } };
}

function fingerprintOf(value: string): Fingerprint {
  return {
    algorithm: 'SHA-256',
    algorithm_id: 3,
    encoding: 'Hex',
    encoding_id: 1,
    serialization: 'JCS',
    serialization_id: 2,
    value,
  };
}

function bodyOf(record: JsonRecord, kind: OcsfKind, uid: string) {
  const [name = '', version = ''] = (record.agent_identity ?? '').split('/');
  const model = textOf(record.payload?.['model']);
  const agent = { name, uid: record.agent_identity, version };
  return {
    activity_id: kind.activityId,
    activity_name: kind.activityName,
    category_uid: kind.category.uid,
    category_name: kind.category.name,
    class_uid: kind.classUid,
    class_name: kind.className,
    time: Date.parse(record.ts ?? '') || 0,
    severity_id: kind.severityId,
    status_id: kind.statusId,
    // For 99, Other, OCSF wants the source's own word here.
    status: STATUS_NAMES[kind.statusId] ?? kind.statusCode ?? record.event,
    status_code: kind.statusCode ?? undefined,
    status_detail: textOf(record.payload?.['why']) || textOf(record.payload?.['reason']) || undefined,
    message: `${record.event} ${record.seq} of ${record.session_id}`,
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'aegrail', vendor_name: 'aegrail', version: AEGRAIL_VERSION },
      profiles: kind.isKnown ? ['ai_operation', 'host', 'record_integrity'] : ['host', 'record_integrity'],
      uid,
      original_event_uid: `${record.session_id}/${record.seq}`,
      correlation_uid: record.session_id,
      sequence: record.seq,
      event_code: record.event,
      original_time: record.ts,
      log_name: 'aegrail-audit',
      log_version: textOf(record['v']),
    },
    actor: { user: { name: record.invoking_user }, session: { uid: record.session_id } },
    ai_agent: kind.isKnown ? { ...agent, instance_uid: record.session_id, ai_model: modelOf(model) } : undefined,
    app: kind.classUid === LIFECYCLE_CLASS ? agent : undefined,
    ...(kind.call === null ? {} : callOf(record, kind, kind.call)),
    unmapped: unmappedOf(record),
  };
}

function callOf(record: JsonRecord, kind: OcsfKind, { operation, service }: OcsfCall) {
  const { call_id: callId, reservation, error } = record.payload ?? {};
  const admission = typeof reservation === 'number' ? reservation : record.seq;
  const { code, status } = (error ?? {}) as { readonly code?: string; readonly status?: number };
  return {
    api: {
      operation,
      service: { name: service },
      request: { uid: textOf(callId) || `${record.session_id}/${admission}` },
      response: kind.statusCode === null ? undefined : { code: status, error: code, message: kind.statusCode },
    },
    // The log knows no network address: the session is where the call came from.
    src_endpoint: { name: record.agent_identity, uid: record.session_id },
  };
}

/** `provider/name` of the contract. */
function modelOf(model: string) {
  const slash = model.indexOf('/');
  return slash < 0 ? undefined : { ai_provider: model.slice(0, slash), name: model.slice(slash + 1) };
}

/** What OCSF has no place for, under the names that docs/AUDIT.md has for it. */
function unmappedOf(record: JsonRecord): Readonly<Record<string, unknown>> {
  const { v, agent_identity, principal, run_id, event_id, payload, budget, prev_hash, hash } = record;
  return { v, agent_identity, principal, run_id, event_id, payload, budget, prev_hash, hash };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
