/** Whether a name is this machine's by definition (RFC 6761); not every system's resolver knows. */
export const isLocalName = (host: string): boolean => /(^|\.)localhost\.?$/i.test(host)
