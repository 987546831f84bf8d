namespace Pith.Compression.Tests;

/// <summary>An empty folder that is deleted with everything in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("pith-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
