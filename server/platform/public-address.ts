import { BlockList, isIPv4, isIPv6 } from 'node:net'

// The special-purpose registries (RFC 6890): whoever writes an MX record or the address of a webhook must not make us talk to our own network.
const privateNetworks = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's own service for its machines, the only one of its kind outside of the ranges here.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  // relays of 6to4 (RFC 7526)
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateNetworks.addSubnet(network, prefix, 'ipv4')
}
// 6to4 and Teredo carry an IPv4 address inside; Teredo is one of the protocol assignments (RFC 2928), of which none is a host of somebody's.
privateNetworks.addSubnet('2002::', 16, 'ipv6')
privateNetworks.addSubnet('2001::', 23, 'ipv6')
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** An address of the internet at large: not loopback, private, link-local, multicast, of a cloud's own services, or one that wraps another (IPv4-mapped,
 *  NAT64, 6to4, Teredo). */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !privateNetworks.check(address, 'ipv4')
  return isIPv6(address) && globalUnicast.check(address, 'ipv6') && !privateNetworks.check(address, 'ipv6')
}
