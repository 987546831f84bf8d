namespace Pith.Fuzz.Campaign;

/// <summary>Runs one case again, prints it, and writes its files on request.</summary>
internal static class FuzzRepro
{
    public static int Run(string text, string? folder)
    {
        var id = CaseId.Parse(text);
        var test = FuzzFamily.Find(id.Family).Create(id.Seed);
        var kept = id.Kept is { } parts ? [.. parts] : test.AllParts;
        Console.WriteLine(test.Describe(kept));
        if (folder is not null)
        {
            Directory.CreateDirectory(folder);
            test.Save(kept, folder);
            Console.WriteLine($"Files of the case: {folder}");
        }
        var failure = test.Check(kept);
        if (failure is not null) Console.WriteLine($"{failure.Kind}\n{failure.Detail}");
        Console.WriteLine(failure is null ? "1 passed, 0 failed" : "0 passed, 1 failed");
        return failure is null ? 0 : 1;
    }
}
