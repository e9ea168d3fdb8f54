// Package price knows what tokens cost. A book holds prices with the dates they
// hold from and to; it is never changed, only replaced. Money is whole
// nano-dollars, prices are whole nano-dollars for a million: nothing here is a
// float.
package price
