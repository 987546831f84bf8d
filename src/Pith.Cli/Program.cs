Console.WriteLine("pith");
