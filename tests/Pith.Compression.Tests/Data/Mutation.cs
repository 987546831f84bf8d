namespace Pith.Compression.Tests.Data;

/// <summary>Damages valid files at random: the same seed, the same damage.</summary>
internal static class Mutation
{
    /// <summary>Changes, removes, repeats or cuts a few places.</summary>
    public static byte[] Of(byte[] original, int seed)
    {
        var random = new Random(seed);
        var bytes = original.ToList();
        for (var i = random.Next(1, 5); i > 0 && bytes.Count > 0; i--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 9), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes[at] = random.Next(2) == 0 ? (byte)0 : (byte)255; break;
                case 3: bytes.RemoveRange(at, length); break;
                case 4: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                default: if (random.Next(4) == 0) bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Anything but success or a <see cref="PithException"/> fails the test, and names the seed.</summary>
    public static void Survives(int seed, Action read)
    {
        try
        {
            read();
        }
        catch (PithException)
        {
            // The clear refusal that damage is meant to get.
        }
        catch (Exception e)
        {
            Assert.Fail($"Mutation seed {seed}: {e}");
        }
    }
}
