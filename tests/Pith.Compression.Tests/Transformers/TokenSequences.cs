using Pith.Compression.Data;

namespace Pith.Compression.Tests.Transformers;

/// <summary>A language of a moment: most words say yes or no (odd or even), one word turns the meaning around. Sequences of 6 to 12 tokens are padded with 0.</summary>
internal static class TokenSequences
{
    public const int Tokens = 12, Vocabulary = 256;

    private const int Not = 100;

    public static NpzDataset Create(int seed, int count)
    {
        var random = new Random(seed);
        var (ids, labels) = (Tensor.Zeros<long>(new Shape(count, Tokens)), new long[count]);
        for (var i = 0; i < count; i++)
        {
            int[] words = [.. Enumerable.Range(0, 2 * random.Next(3, 6) + 1).Select(_ => random.Next(1, 40))];
            var isTurned = random.Next(2) == 1;
            for (var t = 0; t < words.Length; t++) ids.Data[i * Tokens + t] = words[t];
            if (isTurned) ids.Data[i * Tokens + words.Length] = Not;
            labels[i] = (words.Count(word => word % 2 == 1) * 2 > words.Length) == isTurned ? 0 : 1;
        }
        return NpzDataset.Create(ids, Tensor.Vector<long>(labels), $"tokens {seed}");
    }
}
