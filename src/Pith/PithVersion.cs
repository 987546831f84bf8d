using System.Reflection;

namespace Pith;

/// <summary>The version of Pith that is running.</summary>
public static class PithVersion
{
    /// <summary>Major, minor and patch, e.g. <c>0.1.0</c>.</summary>
    public static string Text { get; } = Assembly.GetExecutingAssembly().GetName().Version!.ToString(3);
}
