using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>A bearer token in a file, so that it is in no list of processes.</summary>
internal static class TokenFile
{
    private const int LargestFile = 64 << 10;

    /// <summary>Reads the token; null when no file is named.</summary>
    /// <exception cref="PithException">The file cannot be read, or holds none.</exception>
    public static string? Read(string? path)
    {
        if (path is null) return null;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LargestFile }) throw new PithException($"'{path}' is larger than any bearer token.");
            var token = File.ReadAllText(path).Trim();
            return token.Length > 0 ? token : throw new PithException($"'{path}' holds no bearer token: it is empty.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot read the token '{path}': {failure.Message}", failure);
        }
    }
}
