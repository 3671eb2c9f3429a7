import { BursarError } from '../../errors/bursarError.ts'

/** As URLs have them; a page of a stranger's that was rebound to this machine still says the stranger's name. */
const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

export interface HostGuardOptions {
  /** Besides those of loopback, lower case and without port. */
  readonly allowedHosts: readonly string[]
  /** Besides those of loopback. */
  readonly allowedOrigins: readonly string[]
}

/** Who may be meant by a request, and whose page may send it (T27). */
export class HostGuard {
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>

  constructor({ allowedHosts, allowedOrigins }: HostGuardOptions) {
    this.#hosts = new Set([...LOOPBACK, ...allowedHosts])
    this.#origins = new Set(allowedOrigins)
  }

  /** Throws `host_refused`. A request without Origin comes from no web page. */
  require(host: string | undefined, origin: string | undefined): void {
    if (!this.#hosts.has(hostNameOf(`http://${host ?? ''}`)))
      throw new BursarError('host_refused', { header: 'Host', setting: 'HTTP_ALLOWED_HOSTS' })
    if (origin !== undefined && !this.#allows(origin))
      throw new BursarError('host_refused', { header: 'Origin', setting: 'HTTP_ALLOWED_ORIGINS' })
  }

  #allows(origin: string): boolean {
    return this.#origins.has(origin.toLowerCase()) || LOOPBACK.includes(hostNameOf(origin))
  }
}

/** Empty for what is no http or https URL with nothing but a host and a port. */
function hostNameOf(url: string): string {
  if (!/^https?:\/\/[^/?#@\\]+$/i.test(url) || !URL.canParse(url)) return ''
  return new URL(url).hostname
}

/** Whether an address of this machine can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127[.]\d+[.]\d+[.]\d+$/.test(host)
}
