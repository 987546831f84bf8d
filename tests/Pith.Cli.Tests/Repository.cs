namespace Pith.Cli.Tests;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Pith.slnx"))) return folder.FullName;
        throw new DirectoryNotFoundException("There is no folder with Pith.slnx above the tests.");
    }
}
