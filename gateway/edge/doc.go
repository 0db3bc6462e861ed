// Package edge decides who may come in to a gateway: from which pages ([Origins]), from which addresses, which trusted proxies
// report ([Proxies]), and how many, over all transports together ([Door]). It says why somebody may not ([Notices]), and spreads
// the closing of those who are in when the gateway goes ([Spread]).
package edge
