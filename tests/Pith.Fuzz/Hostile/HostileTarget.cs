namespace Pith.Fuzz.Hostile;

/// <summary>A kind of file that Pith reads.</summary>
/// <param name="Name">The name that findings show.</param>
/// <param name="Valid">A valid file; few different ones, whatever the number.</param>
/// <param name="Read">Reads a file; throws nothing but <see cref="PithException"/>.</param>
internal sealed record HostileTarget(string Name, Func<uint, byte[]> Valid, Action<byte[]> Read)
{
    /// <summary>Damages a valid file; bytes anywhere, unless the kind of file has its own way.</summary>
    public Func<byte[], IReadOnlyList<Damage>, byte[]> Damage { get; init; } = Hostile.Damage.Bytes;

    /// <summary>A target that reads from a path.</summary>
    public static HostileTarget OfFile(string name, string extension, Func<uint, byte[]> valid, Action<string> read) => new(name, valid, bytes =>
    {
        var path = Path.Combine(Path.GetTempPath(), $"pith-fuzz-{Environment.ProcessId}{extension}");
        File.WriteAllBytes(path, bytes);
        read(path);
    });

    /// <summary>A target with these valid files.</summary>
    public static Func<uint, byte[]> OneOf(IReadOnlyList<byte[]> files) => number => files[(int)(number % files.Count)];
}
