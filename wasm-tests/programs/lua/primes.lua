-- Counts primes with a sieve, to see that a real program runs.
local n = tonumber(arg[1]) or 1000000
local composite, count = {}, 0
for i = 2, n do
  if not composite[i] then
    count = count + 1
    for j = i * i, n, i do composite[j] = true end
  end
end
print(string.format("%d primes up to %d", count, n))
