/** evenkeel: an HTTP load balancer for any Node.js server, with nginx's upstream vocabulary. */
export { createBalancer, createUpstream } from './balancer.js'
export type { Balancer, CloseOptions } from './balancer.js'
export type { FastifyHandler, FastifyLikeReply, FastifyLikeRequest } from './fastify.js'
export type {
  AdaptiveConcurrencyOptions,
  BalancerOptions,
  CheckAnswer,
  Duration,
  HedgeOptions,
  ExemptOption,
  FeedbackOptions,
  HealthCheckOptions,
  KeepaliveOptions,
  LocalityOptions,
  NextUpstreamOptions,
  OutlierDetectionOptions,
  PeerList,
  PeerOptions,
  PeerSource,
  PeerTlsOptions,
  ProbeOptions,
  QueueOptions,
  RetryBudgetOptions,
  Size,
  StatusPageOptions,
  TrustProxy,
  UpstreamOptions,
  ZoneOptions,
} from './options.js'
export type { ZoneChannel } from './zone/channel.js'
export type {
  StickyCookieOptions,
  StickyLearnOptions,
  StickyOptions,
  StickyResponse,
  StickySource,
} from './sticky-options.js'
export { HeaderList } from './message/header-list.js'
export type {
  CookieRule,
  HeaderChanges,
  HeaderValue,
  InterceptErrors,
  OnUpstreamRequest,
  OnUpstreamResponse,
  RedirectOption,
  RedirectRule,
  RequestContext,
  ResponseContext,
  RewriteOption,
  RewriteRule,
  UpstreamRequestHead,
  UpstreamResponseHead,
} from './message-options.js'
export { BalancerError, ConfigurationError } from './errors.js'
export type {
  AttemptSummary,
  BalancerErrorDetails,
  ConfigurationProblem,
  ErrorCode,
} from './errors.js'
export type {
  AttemptEndEvent,
  AttemptStartEvent,
  BalancerEventName,
  BalancerEvents,
  EjectEvent,
  FinishEvent,
  HealthEvent,
  IncidentEvent,
  JoinEvent,
  LeaveEvent,
  Listener,
  NextEvent,
  PoolEvent,
  QueueEvent,
  ReturnEvent,
  StartEvent,
  UpgradeEvent,
  UpstreamEvent,
  WarningEvent,
} from './events.js'
export type {
  EarlyWarning,
  Incident,
  IncidentRequest,
  Mechanism,
  PeerChange,
} from './observe/incident.js'
export { accessLog } from './observe/access-log.js'
export type { AccessLog } from './observe/access-log.js'
export type { AccessLogOptions, InfoLogger } from './observe/access-log-options.js'
export type { LogStream } from './observe/log-outlet.js'
export type { LogEscape } from './observe/log-escape.js'
export { morganTokens } from './observe/morgan-tokens.js'
export type { MorganLike } from './observe/morgan-tokens.js'
export type { ErrorLogOptions, LevelLogger } from './observe/error-log-options.js'
export type { StatusPage } from './observe/status/status-page.js'
export type {
  AttemptReport,
  ExplanationReport,
  FailedRequestReport,
  HistoryReport,
  IncidentReport,
  PeerReport,
  Percentiles,
  QueueReport,
  StatusChange,
  StatusSnapshot,
  TotalsReport,
} from './observe/status/report.js'
export { explain } from './explain.js'
export type { EndPhase, Explanation } from './observe/explanation.js'
export { upstreamVariables } from './upstream-variables.js'
export type { UpstreamVariables } from './upstream-variables.js'

// The plug-ins: peer selector, keepalive agent pool, next-upstream policy, transport; and time.
export type { Clock, Timer } from './clock.js'
export type {
  Candidates,
  PeerGroup,
  PeerPicker,
  PeerSelector,
  PeerSelectorFactory,
  SelectionRequest,
  SelectorContext,
  SelectPeer,
} from './upstream/peer-selector.js'
export type {
  HashKey,
  HashSelectorOptions,
  LeastTimeSelectorOptions,
  MeasuredTime,
  PeakEwmaSelectorOptions,
  PlainSelectorOptions,
  RandomSelectorOptions,
  SelectorName,
  SelectorOptions,
} from './selection/options.js'
export type { FailedStep, Ledger, Peer, PeerAddress, PeerStatus } from './upstream/peer.js'
export type {
  ConnectionChange,
  DiscoveryEvent,
  EjectReason,
  HealthReason,
  PeerChanges,
  ReturnReason,
  Upstream,
} from './upstream/upstream.js'
export type { AgentPool, SelectAgent } from './transport/agents.js'
export type { ConnectionHolder, PoolStatus, UpstreamConnections } from './transport/connections.js'
export type { Condition, AttemptCondition, TransportCondition } from './next-upstream/condition.js'
export { decide } from './next-upstream/decide.js'
export type {
  AttemptFacts,
  DecideNextUpstream,
  Decision,
  NextUpstreamPolicy,
  WhyNoNext,
} from './next-upstream/decide.js'
export type {
  Attempt,
  AttemptSignal,
  AttemptTimes,
  RequestHead,
  RequestSink,
  RequestSource,
  Settle,
  Transport,
  TransportContext,
  TransportFactory,
} from './transport/transport.js'
export { isStaleConnection } from './next-upstream/attempt-result.js'
export type {
  AttemptResult,
  BodySink,
  FailureType,
  Phase,
  UpstreamFailure,
  UpstreamResponse,
} from './next-upstream/attempt-result.js'

// nginx's configuration: becoming options, and what is dangerous in it.
export { fromNginx } from './nginx/import.js'
export type { FromNginxOptions, NginxImport } from './nginx/import.js'
export type {
  DirectiveNotCarriedOver,
  DirectivePlace,
  DirectiveProblem,
  TakenDirective,
} from './nginx/import-draft.js'
export type { ImportedLogFormat } from './nginx/import-log.js'
export { NginxImportError } from './nginx/import-select.js'
export { lintNginx } from './nginx/lint.js'
export type { Lint, LintRule } from './nginx/lint.js'
export { nginxAddHeader, nginxText } from './nginx/nginx-text.js'
export { NginxConfigError, parseNginxConfig } from './nginx/parse.js'
export type { ConfigFile, IncludeFiles, ParseNginxOptions } from './nginx/parse.js'
export { printImport } from './nginx/print.js'
export type { Directive } from './nginx/conf.js'

export type {
  Bunch,
  Confidence,
  Diagnosis,
  DoctorMechanism,
  DoctorReport,
  Evidence,
  Finding,
  Fix,
  LintNote,
  LiveCheck,
  LostRequests,
  Mark,
  PeerTimeline,
  ReadFile,
  Second,
  Trigger,
} from './doctor/report.js'
