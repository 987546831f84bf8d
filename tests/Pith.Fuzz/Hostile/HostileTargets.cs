namespace Pith.Fuzz.Hostile;

/// <summary>The one list of what is damaged. Each kind of file is a line in the file of its family.</summary>
internal static class HostileTargets
{
    public static IReadOnlyList<HostileTarget> All { get; } = [.. ModelTargets.All, .. TextTargets.All, .. DataTargets.All];
}
