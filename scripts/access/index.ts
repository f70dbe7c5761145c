export { type GrpcOutcome, listMethods, openGrpc } from './call-grpc.ts'
export { collectRoutes } from './collect-routes.ts'
export { createKeyring, keyFor } from './keyring.ts'
export { type Certificates, makeCertificates } from './make-certificates.ts'
