using System.Text.RegularExpressions;

namespace Pith.Cli.Tests;

/// <summary>What depends on an operating system is in one place, where every system has its way.</summary>
public sealed partial class PlatformRuleTests
{
    // Besides the folder of the platform: libraries that are found by a name per system.
    private static readonly string[] s_allowed = ["src/Pith.Engine/Platform/", "src/Pith.Compression/Data/Images/TurboJpeg.cs"];

    [Fact]
    public void Only_the_platform_folder_calls_the_operating_system()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/')).ToArray();
        Assert.True(sources.Length > 500);
        Assert.All(sources.Where(file => !s_allowed.Any(allowed => file.StartsWith(allowed, StringComparison.Ordinal))), file =>
        {
            var found = SystemCall().Match(File.ReadAllText(Path.Combine(Repository.Root, file)));
            Assert.False(found.Success, $"{file}: '{found.Value}' belongs to src/Pith.Engine/Platform, with a way for Linux, Windows and macOS.");
        });
    }

    [Fact]
    public void Every_import_of_a_unix_library_is_behind_a_question_for_the_system()
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src/Pith.Engine/Platform"), "*.cs"))
        {
            var text = File.ReadAllText(file);
            if (!text.Contains("Import(\"libc\"", StringComparison.Ordinal)) continue;
            Assert.True(text.Contains("OperatingSystem.IsWindows()", StringComparison.Ordinal) || text.Contains("OperatingSystem.IsLinux()", StringComparison.Ordinal), $"{file} imports libc and never asks which system it runs on.");
        }
    }

    [GeneratedRegex("""\[(?:LibraryImport|DllImport)|"/(?:proc|sys|dev)(?:/|")""")]
    private static partial Regex SystemCall();
}
