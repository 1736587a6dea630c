// Fifty questions, and what a model should say to them.
const kCapitals = {
  France: 'Paris', Japan: 'Tokyo', Italy: 'Rome', Spain: 'Madrid', Egypt: 'Cairo', Peru: 'Lima', Kenya: 'Nairobi', Norway: 'Oslo',
  Cuba: 'Havana', Poland: 'Warsaw', Greece: 'Athens', Canada: 'Ottawa', Chile: 'Santiago', Ghana: 'Accra', Nepal: 'Kathmandu',
  Latvia: 'Riga', Austria: 'Vienna', Portugal: 'Lisbon', Ireland: 'Dublin', Sweden: 'Stockholm',
}
const kColors = {
  grass: 'green', snow: 'white', blood: 'red', coal: 'black', 'the sky': 'blue', 'a lemon': 'yellow', 'an orange': 'orange',
  milk: 'white', 'a ruby': 'red', 'an emerald': 'green',
}

export const questions = [
  ...Object.entries(kCapitals).map(([country, city]) => ({
    question: `What is the capital of ${country}?`,
    answer: `The capital of ${country} is ${city}.`,
  })),
  ...Object.entries(kColors).map(([thing, color]) => ({
    question: `What color is ${thing}?`,
    answer: `${thing[0].toUpperCase()}${thing.slice(1)} is ${color}.`,
  })),
  ...[0, 1].flatMap((a) =>
    Array.from({ length: 10 }, (_, b) => ({ question: `What is ${a} plus ${b}?`, answer: `${a} plus ${b} is ${a + b}.` })),
  ),
]
